"""``python -m corsfast.bench``: what CORS costs, on your own machine.

    cases.py ------ decisions.py --.
    libraries/ ---- scenario.py ---+-- run.py -- report.py, __main__.py
                    importing.py --|
                    scale.py ------'
                    (all use measure.py and figures.py)

Every answer is checked before it is timed, and every figure is printed with its spread.
"""
