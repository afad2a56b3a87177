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

{#
    The dialects whose records checks of drift look at: in which table of bronze their documents are, where a page has its
    records, and that one record in so many of a page is looked at.
#}
{% macro sampled_dialects() -%}
    {{ return({
        'v1': {'table': 'raw_photos', 'array': 'photos', 'one_in': 6},
        'm20': {'table': 'raw_photos', 'array': 'images', 'one_in': 6},
        'msl': {'table': 'raw_photos', 'array': 'items', 'one_in': 6},
        'pds': {'table': 'raw_photos', 'array': 'lines', 'one_in': 6},
        'mer': {'table': 'raw_traverse', 'array': 'places', 'one_in': 1},
    }) }}
{%- endmacro %}

{# Of each dialect, rover and kind the 50 documents that came last: (dialect, object_key, etag). #}
{% macro _latest_documents() -%}
    {%- for table in sampled_dialects().values() | map(attribute='table') | unique %}
    select
        source as dialect,
        object_key,
        etag
    from {{ source('bronze', table) }}
    where record_count > 0
    qualify
        row_number() over (
            partition by source, rover, kind
            order by fetched_at desc, object_key desc
        ) <= 50
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The keys of those of a dialect of which a table has no sample yet. #}
{% macro unsampled_documents(dialect, held) -%}
    select object_key
    from ({{ _latest_documents() }}) as latest
    where
        dialect = '{{ dialect }}'
        {%- if is_incremental() %}
        and (object_key, etag) not in (select object_key, etag from {{ held }})
        {%- endif %}
{%- endmacro %}

{# Samples of documents that were replaced, or are no longer among those that came last. #}
{% macro forget_earlier_samples(held) -%}
    delete from {{ held }}
    where (object_key, etag) not in (select object_key, etag from ({{ _latest_documents() }}) as latest)
{%- endmacro %}

{#
    One element in so many of an array inside every page of every document, the first of each included:
    (rover, object_key, etag, record).
#}
{% macro sample_of_records(documents, array, one_in) -%}
    {{ return(adapter.dispatch('sample_of_records')(documents, array, one_in)) }}
{%- endmacro %}

{% macro duckdb__sample_of_records(documents, array, one_in) -%}
    select
        rover,
        object_key,
        etag,
        unnest(list_slice(records, 1, -1, {{ one_in }})) as record
    from (
        select
            rover,
            object_key,
            etag,
            unnest(pages).{{ array }} as records
        from (
            select
                rover,
                object_key,
                etag,
                from_json(document, '{"pages": [{"{{ array }}": ["JSON"]}]}').pages as pages
            from {{ documents }}
        ) as parsed
    ) as paged
{%- endmacro %}

{% macro snowflake__sample_of_records(documents, array, one_in) -%}
    select
        rover,
        object_key,
        etag,
        record
    from (
        select
            rover,
            object_key,
            etag,
            entry.index as place,
            entry.value as record
        from (
            select
                rover,
                object_key,
                etag,
                document:pages as pages
            from {{ documents }}
        ) as parsed,
            lateral flatten(input => pages) as page,
            lateral flatten(input => page.value:{{ array }}) as entry
    ) as listed
    where mod(place, {{ one_in }}) = 0
{%- endmacro %}
