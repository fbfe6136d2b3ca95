"""`lectern eval`: how well questions with known answers are found, answered and withheld.

golden.py reads the questions, asking.py puts them to a server, scoring.py judges each and sums up,
comparing.py sets the figures beside the last run's; table, json_report and html_report show them.
running.py is the way through all of it, making.py proposes a golden set.
"""
