"""The embedded engine: runs a compiled Workflow on this machine, without Kubernetes.

It supports exactly the constructs that the templates of the compiler use and refuses any other by name. It knows
nothing of chains, of the database and of clusters.
"""
