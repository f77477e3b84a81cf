"""What ``compare.py`` is made of: other languages' CORS libraries, on the same requests.

    rows.py -> programs.py, ours.py -> judge.py -> figures.py -> report.py, plot.py
               (go/ rust/ node/)

Place in the flow: beside the package, not a part of it; nothing imports it but compare.py.
Never: leave out a row that was lost, or a peer that could not run, without a word.
"""
