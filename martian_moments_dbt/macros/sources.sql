{# The photo dialects that the platform may use, in its order of preference: all that are built, unless the settings say less. #}
{% macro preferred_sources() -%}
    {{ return(env_var('MARS_DBT_SOURCES', var('sources') | join(',')).split(',')) }}
{%- endmacro %}

{# A source's place in the order of preference; null for one that is not used. #}
{% macro preference(source) -%}
    case {{ source }}
        {%- for name in preferred_sources() %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}
