"""Measurements that a user can repeat, on files of their own or the development data."""
