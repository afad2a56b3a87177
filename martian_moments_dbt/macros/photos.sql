{# How the staging of every photo dialect begins. #}

{# What each of its rows says of the document that it comes from: the expression by the name of the column, in their order. #}
{% macro document_columns() -%}
    {{ return({
        'object_key': 'object_key',
        'etag': 'etag',
        'rover': 'rover',
        'document_sol': 'sol',
        'source': 'source',
        'fetched_at': 'fetched_at',
    }) }}
{%- endmacro %}

{# Two CTEs: documents of one dialect, and records, a row for each photo in them. array and fields are those of records(). #}
{% macro photo_records_of(dialect, array, fields) -%}
documents as (
    select * from {{ bronze('raw_photos') }}
    where source = '{{ dialect }}'
),

records as (
    {{ records('documents', array, keep=document_columns(), fields=fields) }}
)
{%- endmacro %}
