"""Whatever runs a compiled Workflow: this machine (``laptop``) or a Kubernetes cluster (``cluster``).

Both sites take the same manifest and give the same stream of node updates, in Argo's own vocabulary. Nothing in here
knows what a task means, how a chain is written or how a database is asked; a file repository is handed in.
"""
