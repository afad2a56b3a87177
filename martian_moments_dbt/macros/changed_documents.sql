{#
    Whether a row's document is one of a source that a table does not hold in this version: compared one by one, not by a
    watermark, so that nothing is lost whatever arrives late or is replaced. Empty documents have no rows to hold.
#}
{% macro is_changed_document(object_key, source, held) -%}
    {{ is_one_of(object_key, _changed_documents(source, held)) }}
{%- endmacro %}

{% macro _changed_documents(source, held) -%}
    select object_key
    from {{ ref('photo_documents') }}
    where
        source = '{{ source }}'
        and record_count > 0
        and (object_key, etag) not in (select object_key, etag from {{ held }})
{%- endmacro %}

{# Rows of documents that were replaced or emptied, or whose source is no longer read. #}
{% macro forget_replaced_documents(held) -%}
    delete from {{ held }}
    where (object_key, etag) not in (select object_key, etag from {{ ref('photo_documents') }})
{%- endmacro %}

{#
    Whether a row's document is one of those that a query has the keys of, where documents are parsed.
#}
{% macro is_one_of(object_key, keys) -%}
    {{ return(adapter.dispatch('is_one_of')(object_key, keys)) }}
{%- endmacro %}

{#
    The keys go into the query as literals: a literal list reaches the scan below the unnesting, a subquery does not, and would
    parse every document of the history again (4 s for 1.2 million photos, instead of 0.1 s). For a subquery without a key
    DuckDB reads every document as well. There are none in a warehouse without bronze, in which sqlfluff renders models.
#}
{% macro duckdb__is_one_of(object_key, keys) -%}
    {%- set bronze = adapter.get_relation(target.database, 'bronze', 'raw_photos') if execute else none -%}
    {%- set found = run_query(keys).columns[0].values() if bronze else [] -%}
    {{ object_key }} in ({% for key in found %}'{{ key }}', {% endfor %}null)
{%- endmacro %}

{# Snowflake takes at most 16,384 literals in a list, and prunes by a subquery. #}
{% macro snowflake__is_one_of(object_key, keys) -%}
    {{ object_key }} in ({{ keys }})
{%- endmacro %}
