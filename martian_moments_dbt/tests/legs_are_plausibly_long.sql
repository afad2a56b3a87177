{# The longest drive of any rover in one sol is under 500 m, the longest leg of several sols 489 m. #}
{{ config(severity='warn') }}

select * from {{ ref('fact_path') }}
where length_m > 1000
