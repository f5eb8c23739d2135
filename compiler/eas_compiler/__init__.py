"""The compiler: the text of a chain in, diagnostics or one Argo Workflow out.

It is a list of small passes, read, resolve, evaluate, link, shape, lower and emit, each a module with one public
function and one frozen result. It is pure: no network, no database, no clock, and it knows nothing of the sites that
will run what it writes. Of the rest of the project it imports only ``eas_worker``, whose evaluator of expressions is
the one and only.
"""
