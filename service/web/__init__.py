"""The web page: its files, and serving them."""
