{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='object_key',
    on_schema_change='fail',
    pre_hook="{% if is_incremental() %}{{ forget_earlier_samples(this) }}{% endif %}",
) }}
{#
    What checks of drift look at (fields_are_known, sun_as_in_the_index): of each dialect, rover and kind the 50 documents that
    came last, and of these one record in six, the first of every page included; of the places of Spirit and Opportunity all. A
    new field comes with new documents, and a check of every record of the history would parse all of it with each build.

    A table, into which a build takes what came: DuckDB decompresses 2,048 documents for one of them, and each check did, 0.7 to
    0.9 s of a build from the missions' feeds.
#}
{%- set dialects = {
    'v1': {'table': 'raw_photos', 'array': 'photos', 'one_in': 6},
    'm20': {'table': 'raw_photos', 'array': 'images', 'one_in': 6},
    'msl': {'table': 'raw_photos', 'array': 'items', 'one_in': 6},
    'pds': {'table': 'raw_photos', 'array': 'lines', 'one_in': 6},
    'mer': {'table': 'raw_traverse', 'array': 'places', 'one_in': 1},
} %}
{%- for dialect, found in dialects.items() %}
{%- set documents %}
        (
            select
                rover,
                object_key,
                etag,
                document
            from {{ bronze(found.table) }}
            where {{ is_one_of('object_key', unsampled_documents(dialect, this)) }}
        ) as documents
{%- endset %}
select
    '{{ dialect }}' as dialect,
    rover,
    object_key,
    etag,
    record
from ({{ records_of(documents, found.array, found.one_in) }}) as records_of_{{ dialect }}
{{ 'union all' if not loop.last }}
{%- endfor %}
