"""What is recorded of the pictures of a sol."""

from __future__ import annotations

from datetime import UTC, datetime

from martian_moments.domain.documents import Document
from martian_moments.domain.pictures import Fault, Picture, document_of, records_of

WHEN = datetime(2026, 4, 1, tzinfo=UTC)


def test_a_fault_that_only_a_newer_release_knows_is_asked_for_again() -> None:
    record = Picture("perseverance|m20|A", "https://mars.example/a.png", WHEN, error=Fault.DAMAGED)
    document = document_of("perseverance", 1, [record], synthetic=False)
    newer = Document(document.header, tuple(page.replace(b'"damaged"', b'"embargoed"') for page in document.pages))
    (read,) = records_of(newer).values()
    assert read.error is Fault.FAILED
    assert not read.is_known(record.source_url, WHEN)
