{#
    Fields of a dialect's records that have no known name: nothing reads them, so somebody should look. How many of the records
    that are looked at have each.

    dialect: one of sampled_dialects, of whose records sampled_records has a sample. parts: fields of a record that are objects
    with names of their own. Which names are known says the seed known_fields.
#}
{% test fields_are_known(model, dialect, parts=[]) %}

{{ config(severity='warn') }}

{%- if dialect not in sampled_dialects() %}
{{ exceptions.raise_compiler_error("sampled_dialects (macros/fields.sql) does not say where " ~ dialect ~ " has its records") }}
{%- endif %}

with records as (
    select
        rover,
        record
    from {{ ref('sampled_records') }}
    where dialect = '{{ dialect }}'
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
