"""``python -m corsfast.bench``: what a decision costs, on your own machine.

    cases.py -> measure.py -> report.py <- __main__.py

Place in the flow: right of everything; nothing imports it.
Never: print a figure whose answer was not checked first, or one without its spread.
"""
