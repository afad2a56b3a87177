{# Nothing newly driven is negative or longer than its leg. #}
select * from {{ ref('fact_path') }}
where distance_m < 0 or distance_m > length_m
