"""What happened: the file repository and the record of every run, attempt, product and value.

Node updates and records of tasks go in, tables, lineage and exports come out. It knows nothing of Kubernetes and of
the pages that show it, and of the project imports only the record types of ``eas_worker``.
"""
