{# A camera that rovers.py does not know: its photos are kept, somebody should name it. #}
{{ config(severity='warn') }}

select * from {{ ref('dim_cameras') }}
where role = 'unknown'
