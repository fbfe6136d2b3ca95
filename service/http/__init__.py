"""The HTTP edge: endpoints parse, call one function, and shape the reply."""
