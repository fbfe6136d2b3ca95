"""A backup: registry, originals and vectors in one tar file, and everything out of it again.

The format is described in docs/backup.md; why it is so in docs/adr/0018-backups-are-tar-files.md.
"""
