"""Files that the benches write themselves, byte by byte where a library would refuse to."""
