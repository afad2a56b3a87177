{#
    The first group of a regular expression, or null where it does not match or the group is empty. Snowflake's expressions are
    POSIX's: no lazy quantifiers, no look-around.
#}
{% macro matched(text, pattern) -%}
    {{ return(adapter.dispatch('matched')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matched(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{% macro snowflake__matched(text, pattern) -%}
    nullif(regexp_substr({{ text }}, '{{ pattern }}', 1, 1, 'e', 1), '')
{%- endmacro %}
