{# The names that upstreams give to fields, whatever they are: what staging does not know is seen here. #}

{# The names of the fields of a JSON object, as rows (the columns kept, name). A value of another type has none. #}
{% macro field_names(objects, value, keep) -%}
    {{ return(adapter.dispatch('field_names')(objects, value, keep)) }}
{%- endmacro %}

{% macro duckdb__field_names(objects, value, keep) -%}
    select {{ keep | join(', ') }}, unnest(json_keys({{ value }})) as name from {{ objects }}
{%- endmacro %}

{% macro snowflake__field_names(objects, value, keep) -%}
    select {{ keep | join(', ') }}, trim(fields.value::varchar, '"') as name
    from (
        select {{ keep | join(', ') }}, object_keys({{ value }}) as names from {{ objects }}
    ) as reported,
        lateral flatten(input => names) as fields
{%- endmacro %}

{# A part of a JSON column that is an object, as JSON; null where it is anything else. #}
{% macro json_object(value, path) -%}
    {{ return(adapter.dispatch('json_object')(value, path)) }}
{%- endmacro %}

{% macro duckdb__json_object(value, path) -%}
    ({{ value }} -> '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__json_object(value, path) -%}
    case when left(to_json({{ value }}:{{ path }}), 1) = '{' then {{ value }}:{{ path }} end
{%- endmacro %}

{# Whether a field of an object that is text is a text itself, where a number is expected. #}
{% macro is_text(object, path) -%}
    {{ return(adapter.dispatch('is_text')(object, path)) }}
{%- endmacro %}

{% macro duckdb__is_text(object, path) -%}
    json_type({{ object }}, '$.{{ path }}') = 'VARCHAR'
{%- endmacro %}

{% macro snowflake__is_text(object, path) -%}
    left(to_json(try_parse_json({{ object }}):{{ path }}), 1) = '"'
{%- endmacro %}

{# The keys of the 50 documents of a dialect that came last, of each rover and kind: a sample of these is looked at. #}
{% macro latest_documents(table, dialect) -%}
    select object_key
    from {{ source('bronze', table) }}
    where source = '{{ dialect }}' and record_count > 0
    qualify row_number() over (partition by rover, kind order by fetched_at desc, object_key desc) <= 50
{%- endmacro %}

{#
    One element in so many of an array inside every page of every document, the first of each included: (rover, record). In six,
    unless told.
#}
{% macro sampled_records(documents, array, one_in=none) -%}
    {{ return(adapter.dispatch('sampled_records')(documents, array, one_in or 6)) }}
{%- endmacro %}

{% macro duckdb__sampled_records(documents, array, one_in) -%}
    select
        rover,
        unnest(records[1:-:{{ one_in }}]) as record
    from (
        select
            rover,
            unnest(pages).{{ array }} as records
        from (
            select
                rover,
                from_json(document, '{"pages": [{"{{ array }}": ["JSON"]}]}').pages as pages
            from {{ documents }}
        ) as parsed
    ) as paged
{%- endmacro %}

{% macro snowflake__sampled_records(documents, array, one_in) -%}
    select
        rover,
        record
    from (
        select
            rover,
            entry.index as place,
            entry.value as record
        from (
            select
                rover,
                document:pages as pages
            from {{ documents }}
        ) as parsed,
            lateral flatten(input => pages) as page,
            lateral flatten(input => page.value:{{ array }}) as entry
    ) as listed
    where mod(place, {{ one_in }}) = 0
{%- endmacro %}
