"""
title: PsyLite
description: Judges every turn, then answers it: crisis reply, refusal, or the PsyLite model. Settings are valves.
license: Apache-2.0
"""

from psylite_pipeline.host import PipePipeline


class Pipeline(PipePipeline):
    def __init__(self):
        super().__init__(__file__)
