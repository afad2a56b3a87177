{#
    Whether a row's document is one of a source that a table does not hold in this version: compared one by one, not by a
    watermark, so that nothing is lost whatever arrives late or is replaced. Empty documents have no rows to hold.
#}
{% macro is_changed_document(object_key, source, held) -%}
    {{ return(adapter.dispatch('is_changed_document')(object_key, source, held)) }}
{%- endmacro %}

{#
    Their keys go into the query as literals: a literal list reaches the scan below the unnesting, a subquery does not, and
    would parse every document of the history again (4 s for 1.2 million photos, instead of 0.1 s).
#}
{% macro duckdb__is_changed_document(object_key, source, held) -%}
    {%- set changed = run_query(_changed_documents(source, held)).columns[0].values() if execute else [] -%}
    {{ object_key }} in ({% for key in changed %}'{{ key }}', {% endfor %}null)
{%- endmacro %}

{# Snowflake takes at most 16,384 literals in a list, and prunes by a subquery. #}
{% macro snowflake__is_changed_document(object_key, source, held) -%}
    {{ object_key }} in ({{ _changed_documents(source, held) }})
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
