{# Sols with fewer photos than their own source promises. Photos arrive for weeks, hence a warning. #}
{{ config(severity='warn') }}

select * from {{ ref('photo_gaps') }}
where reason in ('missing', 'short')
