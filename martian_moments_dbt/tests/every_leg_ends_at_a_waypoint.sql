{# Legs whose ends are not both known: their sol is missing, or only the waypoint at their end reports it. #}
{{ config(severity='warn') }}

select * from {{ ref('fact_path') }}
where sol is null or from_site is null or to_site is null
