"""Images of containers: what is built from which folder, and how it gets to where pods can have it."""
