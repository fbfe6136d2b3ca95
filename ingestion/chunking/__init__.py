"""From a parsed document to the nodes that are embedded, found and cited. Pure.

chunking.py is the way through: units.py cuts, packing.py puts together, outline.py and
page_heads.py say where a chunk is, table_headers.py and table_markup.py what its rows are called.
"""
