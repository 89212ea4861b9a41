"""One file a noun; each function answers one operation."""
