"""
title: PsyLite filter
description: The same judgement in front of any other model. Prefer the model PsyLite: a filter fails open.
license: Apache-2.0
"""

from psylite_pipeline.host import FilterPipeline


class Pipeline(FilterPipeline):
    def __init__(self):
        super().__init__(__file__)
