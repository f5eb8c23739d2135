"""The cluster site: hands a compiled Workflow to Argo on Kubernetes, watches it, cancels it and reads its logs.

It knows nothing of chains, of the database and of the embedded engine.
"""
