"""How fast the web page is there, and how it keeps up with a long answer."""
