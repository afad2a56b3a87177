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

    DuckDB parses 2,048 rows at once, for which a feed's documents take 4 GB: each is put beside 30 rows that are dropped
    before the parse, so that 66 are parsed at once. Fewer than 64 it would join again.
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
                from (
                    select
                        *,
                        unnest(range(31)) as place
                    from {{ documents }}
                ) as spread
                where place = 0
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

{#
    What upstreams write as numbers, and what names a record. nasa/responses.py reads the same (whole, count, a_sol, identity): what
    Python counts as a record is one here. A number that lies outside of what there can be is null, never an error.
#}

{# Text as a double, which may be NaN or infinite. To DuckDB alone 1_000 is a number. #}
{% macro _number(text) -%}
    try_cast(replace({{ text }}, '_', 'x') as double)
{%- endmacro %}

{# A number within bounds, else null. NaN lies in none: to the warehouses it is larger than every other number. #}
{% macro bounded(number, lowest, highest) -%}
    case when {{ number }} between {{ lowest }} and {{ highest }} then {{ number }} end
{%- endmacro %}

{# Text as a finite number, else null. #}
{% macro to_double(text) -%}
    {{ bounded(_number(text), '-1.7e308', '1.7e308') }}
{%- endmacro %}

{# Text as a whole number of 32 bits (5, 5.0), else null: from 0 on, unless lowest says otherwise. #}
{% macro to_integer(text, lowest=0, highest=2147483647) -%}
    case
        when {{ _number(text) }} between {{ lowest }} and {{ highest }} and floor({{ _number(text) }}) = {{ _number(text) }}
            then cast({{ _number(text) }} as integer)
    end
{%- endmacro %}

{# Text as a mission sol, else null. #}
{% macro to_sol(text) -%}
    {{ to_integer(text, highest=99999) }}
{%- endmacro %}

{# A whole number that names a record, as text without a point (5 and 5.0 are one), else null. Larger ones are not exact. #}
{% macro whole_text(text) -%}
    case
        when {{ _number(text) }} between 0 and 9007199254740991 and floor({{ _number(text) }}) = {{ _number(text) }}
            then cast(cast({{ _number(text) }} as bigint) as varchar)
    end
{%- endmacro %}

{# Text that names a record, else null. A value of another type comes as its JSON: of numbers only whole ones name anything. #}
{% macro identity(text) -%}
    case
        when length({{ text }}) between 1 and 500
            and left({{ text }}, 1) not in ('{', '[')
            and {{ text }} not in ('true', 'false')
            and {{ matched(text, '^([+-]?([0-9]+[.][0-9]*([eE][+-]?[0-9]+)?|[.][0-9]+([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+))$') }} is null
            then {{ text }}
    end
{%- endmacro %}

{# Text that is JSON, else null: a part of a record that is expected to be an object may be any text. #}
{% macro valid_json(text) -%}
    {{ return(adapter.dispatch('valid_json')(text)) }}
{%- endmacro %}

{% macro duckdb__valid_json(text) -%}
    case when json_valid({{ text }}) then {{ text }} end
{%- endmacro %}

{% macro snowflake__valid_json(text) -%}
    case when try_parse_json({{ text }}) is not null then {{ text }} end
{%- endmacro %}
