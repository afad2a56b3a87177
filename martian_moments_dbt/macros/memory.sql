{#
    The hooks of a model that joins and hashes every photo there is. DuckDB keeps what it has read up to its limit, which is that
    of parsing documents (profiles.yml); what it needs besides is not counted. With less these are as fast: 3.4 GB and 2.8 GB for
    the dbt process where bronze had the whole history of the feeds already.
#}
{% macro with_less_memory() -%}
    {{ return(adapter.dispatch('with_less_memory')()) }}
{%- endmacro %}

{% macro duckdb__with_less_memory() -%}
    {{ return({
        'pre_hook': "set memory_limit = '2000MB'",
        'post_hook': "set memory_limit = '" ~ target.config_options.memory_limit ~ "'",
    }) }}
{%- endmacro %}

{% macro snowflake__with_less_memory() -%}
    {{ return({'pre_hook': [], 'post_hook': []}) }}
{%- endmacro %}
