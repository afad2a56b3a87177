{#
    JSON on both warehouses. A field that is missing, null or of another type is null, a number may come as a string:
    upstreams change their types without notice, so everything is read as text first and then cast with try_cast.
#}

{#
    The elements of one array inside every page of every document, as rows.

    keep: columns of the document, by name. fields: dotted paths inside an element, by name; each comes out as text. To these,
    position is added: it grows with the order in the document.
#}
{% macro records(documents, array, keep, fields) -%}
    {{ return(adapter.dispatch('records')(documents, array, keep, fields)) }}
{%- endmacro %}

{#
    One typed parse per document, of the wanted fields only. json_extract() copies every element and parses it again for every
    field: 1.5 GB and 3.5 s for the photos of the full history, beside 0.9 GB and 1.6 s. unnest() stands in the select
    list, because a lateral join hashes whole documents; and never beside the document, which it would copy per row.
#}
{% macro duckdb__records(documents, array, keep, fields) -%}
    select
        {%- for name in keep %}
        {{ name }},
        {%- endfor %}
        position,
        {%- for name, path in fields.items() %}
        record.{{ path }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            * exclude (page, records),
            page * 1000000 + generate_subscripts(records, 1) as position,
            unnest(records) as record
        from (
            select
                * exclude (pages),
                generate_subscripts(pages, 1) as page,
                unnest(pages).{{ array }} as records
            from (
                select
                    {%- for name, expression in keep.items() %}
                    {{ expression }} as {{ name }},
                    {%- endfor %}
                    from_json(document, '{{ _structure(array, fields) | tojson }}').pages as pages
                from {{ documents }}
            ) as parsed
        ) as paged
    ) as listed
{%- endmacro %}

{# What from_json() shall read: {"pages": [{"<array>": [{"<field>": "VARCHAR", ...}]}]} #}
{% macro _structure(array, fields) -%}
    {% set element = {} %}
    {% for path in fields.values() %}
        {% set names = path.split('.') %}
        {% set node = namespace(at=element) %}
        {% for name in names[:-1] %}
            {% do node.at.setdefault(name, {}) %}
            {% set node.at = node.at[name] %}
        {% endfor %}
        {% do node.at.update({names[-1]: 'VARCHAR'}) %}
    {% endfor %}
    {% set page = namespace(content=[element]) %}
    {% for name in array.split('.') | reverse %}
        {% set page.content = {name: page.content} %}
    {% endfor %}
    {{ return({'pages': [page.content]}) }}
{%- endmacro %}

{% macro snowflake__records(documents, array, keep, fields) -%}
    select
        {%- for name in keep %}
        {{ name }},
        {%- endfor %}
        page.index * 1000000 + record.index as position,
        {%- for name, path in fields.items() %}
        record.value:{{ path }}::varchar as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            {%- for name, expression in keep.items() %}
            {{ expression }} as {{ name }},
            {%- endfor %}
            document:pages as pages
        from {{ documents }}
    ) as parsed,
        lateral flatten(input => pages) as page,
        lateral flatten(input => page.value:{{ array }}) as record
{%- endmacro %}

{# One field of a JSON column as text; of text that is JSON, through parsed(). #}
{% macro json_text(value, path) -%}
    {{ return(adapter.dispatch('json_text')(value, path)) }}
{%- endmacro %}

{% macro duckdb__json_text(value, path) -%}
    ({{ value }} ->> '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__json_text(value, path) -%}
    {{ value }}:{{ path }}::varchar
{%- endmacro %}

{% macro parsed(text) -%}
    {{ return(adapter.dispatch('parsed')(text)) }}
{%- endmacro %}

{% macro duckdb__parsed(text) -%}
    {{ text }}
{%- endmacro %}

{% macro snowflake__parsed(text) -%}
    try_parse_json({{ text }})
{%- endmacro %}

{# Text as an integer of 32 bits; null where it is none, not finite, or larger. #}
{% macro to_integer(text) -%}
    case
        when abs(try_cast({{ text }} as double)) <= 2147483647 then cast(try_cast({{ text }} as double) as integer)
    end
{%- endmacro %}

{# Text as a finite number, else null: "NaN" is a number to the warehouses, and larger than every other. #}
{% macro to_double(text) -%}
    case when abs(try_cast({{ text }} as double)) <= 1.7e308 then try_cast({{ text }} as double) end
{%- endmacro %}
