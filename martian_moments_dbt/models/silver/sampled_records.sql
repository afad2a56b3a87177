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

    A table, into which a build takes what came. To read one document DuckDB decompresses 2,048; each check did that in every
    build, which took 0.7 to 0.9 s of one from the missions' feeds. Here all dialects are in one statement: it sorts and joins
    nothing, and holds no more of these vectors than DuckDB has threads.
#}
{%- for dialect, found in sampled_dialects().items() %}
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
from ({{ sample_of_records(documents, found.array, found.one_in) }}) as sample_of_{{ dialect }}
{{ 'union all' if not loop.last }}
{%- endfor %}
