{#
    PDS volumes that the server lacks, whose label states another number of lines, or with lines that have no sol or product.
#}
{{ config(severity='warn') }}

select * from {{ ref('stg_pds__volumes') }}
where not is_present or lines <> lines_stated or lines_unread > 0
