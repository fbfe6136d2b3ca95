"""What people type: each command that talks to a server."""
