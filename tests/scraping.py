"""Reading what /metrics says."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """One exposition. `names` are those of its families and of their samples."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        assert len(families) == len({family.name for family in families}), "a name twice"
        self._samples = [sample for family in families for sample in family.samples]
        described = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")}
        histograms = {family.name for family in families if family.type == "histogram"}
        parts = {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
        self.names = described | parts | {sample.name for sample in self._samples}

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 for none."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def has(self, name: str) -> bool:
        """Whether there is a sample of this name."""
        return any(sample.name == name for sample in self._samples)

    def labels_of(self, name: str) -> set[str]:
        """The labels that its samples have."""
        return {label for sample in self._samples if sample.name == name for label in sample.labels}

    def labels(self, name: str, label: str) -> set[str]:
        """The values of a label."""
        return {sample.labels[label] for sample in self._samples if sample.name == name}
