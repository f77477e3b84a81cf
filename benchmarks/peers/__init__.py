"""The parts of compare.py: CORS libraries of other languages on the same requests.

rows.py -> programs.py, ours.py -> judge.py -> figures.py -> report.py
           (go/ rust/ node/)
"""
