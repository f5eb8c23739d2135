"""The pages: each is a script that Streamlit runs, and shows what the modules beside it make of the queries.

The folder is not called `pages`, because Streamlit would run scripts of one of that name without `app.py`.
"""
