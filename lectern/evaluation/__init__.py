"""`lectern eval`: how well questions with known answers are found, answered and withheld.

golden.py reads the questions, asking.py puts them to a server, scoring.py judges each and sums up,
comparing.py sets the figures beside the last run's, report.py shows them.
"""
