"""What every edge over HTTP stands on: errors, middleware, streams of events."""
