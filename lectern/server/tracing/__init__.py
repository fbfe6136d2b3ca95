"""Traces by OpenTelemetry, loaded only where the settings name a collector."""
