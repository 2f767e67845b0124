"""How good a model is, alone and behind the pipeline: `psylite eval cpsycoune | safedialbench | ceval | crisis`.

Needs the extra [eval]; nothing of the plugin imports it. `cases` reads what is asked, `endpoint` and `provider` ask it
(inspect-ai runs the calls), `judging`, `rules` and `scoring` weigh the answers, `figures` adds them up, `report` shows
them.
"""
