"""The pages: each is a script that Streamlit runs, and shows what the modules beside it make of the queries."""
