"""The pages of the dashboard, over the queries of ``eas_provenance``.

What a page shows is computed by plain functions beside it. It knows nothing of SQL, of sites and of the compiler.
"""
