"""The only room that knows Open WebUI and its Pipelines server: pipe, filter, valves."""

from psylite_pipeline.host.filter import FilterPipeline
from psylite_pipeline.host.pipe import PipePipeline

__all__ = ["FilterPipeline", "PipePipeline"]
