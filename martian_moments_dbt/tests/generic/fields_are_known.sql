{#
    Fields of a dialect's records that have no known name: nothing reads them, so somebody should look. How many of the records
    that are looked at have each.

    Of every rover and kind, one record in one_in of the documents that came last is looked at (macros/fields.sql): a new field
    comes with new documents, and a check of every record of the history would parse all of it with each build.

    table: of bronze. array: where a page has its records. parts: fields of a record that are objects with names of their own.
    Which names are known says the seed known_fields.
#}
{% test fields_are_known(model, table, dialect, array, parts=[], one_in=none) %}

{{ config(severity='warn') }}

{%- set latest = latest_documents(table, dialect) %}

with documents as (
    select
        rover,
        document
    from {{ source('bronze', table) }}
    where {{ is_one_of('object_key', latest) }}
),

records as (
    {{ sampled_records('documents', array, one_in) }}
),

names as (
    {{ field_names('records', 'record', ['rover']) }}
    {%- for part in parts %}
    union all
    select
        rover,
        '{{ part }}.' || name as name
    from ({{ field_names('records', json_object('record', part), ['rover']) }}) as inner_names
    {%- endfor %}
)

select
    rover,
    name,
    count(*) as records
from names
where name not in (select known.name from {{ ref('known_fields') }} as known where known.dialect = '{{ dialect }}')
group by rover, name

{% endtest %}
