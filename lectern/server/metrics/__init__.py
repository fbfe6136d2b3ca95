"""Figures for Prometheus: kept where the work is told of, read at a scrape where it is not."""
