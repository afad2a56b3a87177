{#
    JSON on both warehouses. A field that is missing, null or of another type is null, a number may come as a string:
    upstreams change their types without notice, so everything is read as text first and then cast with try_cast.
#}

{#
    The rows of one array inside every page of every document: the kept columns (a mapping from name to expression), record
    (JSON) and position (from 1).
#}
{% macro records(documents, array, keep) -%}
    {{ return(adapter.dispatch('records')(documents, array, keep)) }}
{%- endmacro %}

{#
    unnest() stands in the select list, because a lateral join hashes whole documents; and over a subquery without the document,
    because an expression beside unnest() is evaluated, with its arguments, once per record.
#}
{% macro duckdb__records(documents, array, keep) -%}
    select
        {{ keep | join(', ') }},
        unnest(items) as record,
        generate_subscripts(items, 1) as position
    from (
        select
            {%- for name, expression in keep.items() %}
            {{ expression }} as {{ name }},
            {%- endfor %}
            json_extract(document, '$.pages[*].{{ array }}[*]') as items
        from {{ documents }}
    ) as listed
{%- endmacro %}

{% macro snowflake__records(documents, array, keep) -%}
    select
        {%- for name, expression in keep.items() %}
        {{ expression }} as {{ name }},
        {%- endfor %}
        records.value as record,
        row_number() over (partition by object_key order by pages.index, records.index) as position
    from {{ documents }},
        lateral flatten(input => document:pages) as pages,
        lateral flatten(input => pages.value:{{ array }}) as records
{%- endmacro %}

{# One field as text. The path is dotted: camera.name #}
{% macro json_text(value, path) -%}
    {{ return(adapter.dispatch('json_text')(value, path)) }}
{%- endmacro %}

{% macro duckdb__json_text(value, path) -%}
    ({{ value }} ->> '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__json_text(value, path) -%}
    {{ value }}:{{ path }}::varchar
{%- endmacro %}

{# One element of a list of numbers, from 0, as text. #}
{% macro json_element(value, path, index) -%}
    {{ json_text(value, path ~ '[' ~ index ~ ']') }}
{%- endmacro %}

{% macro to_integer(text) -%}
    cast(try_cast({{ text }} as double) as integer)
{%- endmacro %}

{% macro to_double(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}
